package postgres

// Rewrite writes tables anew from which so many rows were removed, and returns those that were in use.
var Rewrite = (*Handle).rewrite

// Reclaim gives back the space of tables from which so many rows were removed.
var Reclaim = (*Handle).reclaim

// Removals count removed rows by table.
type Removals = removals
