//! Which OBServer runs this statement: locations, partition functions, replica choice, blacklist.
