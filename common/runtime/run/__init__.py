"""What the processes of one run share: its folder, assignment, orders, facts, and requests to the supervisor.

The files are in tmpfs and are replaced as a whole, so a process that was restarted finds the newest state.
"""
