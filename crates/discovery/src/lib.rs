//! Keeps routing's picture fresh by asking OBServers.
