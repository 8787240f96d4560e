"""Recordings as files of other projects: one reader of the recording, one small writer for each format."""
