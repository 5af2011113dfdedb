package postgres

// PlaceStep takes a single step of a move: a test ends a process between two of them.
var PlaceStep = (*Handle).placeStep

// States of a placement.
const (
	Settled    = settled
	Copying    = copying
	Indexing   = indexing
	CatchingUp = catchingUp
	Clearing   = clearing
)
