"""StatefulSets: pods with names, places in a row and volumes of their own."""
