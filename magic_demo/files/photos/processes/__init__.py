"""Photos unpacked apart: processes with a deadline and a bound of memory, readers in turn."""
