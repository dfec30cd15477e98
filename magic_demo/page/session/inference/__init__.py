"""The models behind the page: loaded, asked one at a time, taught, and tidied up after."""
