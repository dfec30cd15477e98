"""Work that is in no store: kept in the browser, offered again."""
