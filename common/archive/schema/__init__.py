"""The schema of the rows, in the form that each reader of tables takes; `common/archive/README.md` shows how."""
