"""The benchmark: the recorder as its users run it, beside what promises nothing, on one machine in one sitting."""
