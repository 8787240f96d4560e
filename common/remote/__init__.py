"""The remote: rclone, driven as a program of its own."""
