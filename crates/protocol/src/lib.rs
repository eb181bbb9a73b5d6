//! MySQL and OceanBase wire format: frames, commands, where a response ends, handshake, auth, OK extras.
