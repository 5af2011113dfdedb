package main

import (
	"os"
	"runtime/debug"
)

// softMemory is from where on the collector works harder, in bytes. What documents and uploads hold at once is
// bounded by their budgets; this keeps what they leave behind from doubling it.
const softMemory = 192 << 20

// limitMemory sets the bound unless GOMEMLIMIT does.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softMemory)
	}
}
