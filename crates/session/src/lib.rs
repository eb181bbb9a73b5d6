//! One client connection from login to goodbye.
