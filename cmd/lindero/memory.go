package main

import (
	"os"
	"runtime/debug"
)

// softMemory is from where on the collector works harder, in bytes. What documents and uploads hold at once is
// bounded by their budgets; this keeps what they leave behind from doubling it.
const softMemory = 192 << 20

// collectAt is by how much, in percent, the heap may grow before it is collected. Little of it is alive between
// requests, so collecting half as often as by default costs little memory and saves a twentieth of a search's time.
const collectAt = 200

// limitMemory sets both unless GOMEMLIMIT and GOGC do.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softMemory)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
}
