"""What is drawn on a terminal: screens, bars, lines and tables. Its pure half is `common/core/terminal`."""
