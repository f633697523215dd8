"""Jobs: pods that run to their end, so many times; counted once each, whatever fails in between."""
