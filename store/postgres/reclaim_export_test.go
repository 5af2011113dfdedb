package postgres

// Rewrite writes tables anew from which so many rows were removed, and returns those that were in use.
var Rewrite = (*Handle).rewrite

// Removals count removed rows by table.
type Removals = removals
