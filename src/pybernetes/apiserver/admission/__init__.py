"""What the cluster adds to objects and refuses, after authorization: one file a plugin, run by `admit`."""
