"""One file is one process of the recorder; `ls procs/` is its architecture."""
