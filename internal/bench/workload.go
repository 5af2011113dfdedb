package bench

import (
	"fmt"
	"strconv"
	"strings"
)

// Workloads by name, in the form that ParseClasses reads.
const (
	Quick = "1x10000,2x2000,10x100"
	// Full is the mix of sizes that the published figures are for: 114 tenants, 100,000 chunks.
	Full = "1x40000,3x10000,10x2000,100x100"
)

// Class is a number of tenants of one size.
type Class struct {
	Tenants int `json:"tenants"`
	Chunks  int `json:"chunks"` // of each tenant
}

// Bounds of a workload: a slip of the hand must not fill a disk.
const (
	maxTenants = 100_000
	maxChunks  = 50_000_000
)

// ParseClasses reads a mix such as 1x40000,100x100: counts of tenants and the chunks of each.
func ParseClasses(text string) ([]Class, error) {
	var classes []Class
	tenants, chunks := 0, 0
	for part := range strings.SplitSeq(text, ",") {
		count, size, _ := strings.Cut(strings.TrimSpace(part), "x")
		c := Class{Tenants: number(count), Chunks: number(size)}
		if c.Tenants < 1 || c.Chunks < 1 {
			return nil, fmt.Errorf("%q is not a number of tenants and the chunks of each, such as 3x10000", part)
		}
		if tenants += c.Tenants; tenants > maxTenants {
			return nil, fmt.Errorf("a workload has at most %d tenants", maxTenants)
		}
		if chunks += c.Tenants * c.Chunks; chunks > maxChunks {
			return nil, fmt.Errorf("a workload has at most %d chunks", maxChunks)
		}
		classes = append(classes, c)
	}
	return classes, nil
}

// number reads a positive number, or 0 for what is none or beyond every bound.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n > maxChunks {
		return 0
	}
	return n
}
