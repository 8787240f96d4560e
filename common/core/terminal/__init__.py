"""What terminals are given to show, and which keys were pressed on them."""
