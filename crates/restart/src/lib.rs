//! The coordinator: listeners, generations, handover of opaque records and descriptors.
