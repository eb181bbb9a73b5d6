//! The HTTP endpoint: routes, tasks, auth; knows what to call, not how it is done.
