"""The form between a recording and the files of other projects: what happened to each token, in order."""
