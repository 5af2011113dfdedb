package main

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"lindero/client"
)

// tenantPlacement shows where a tenant's collections lie, and moves one when told to.
type tenantPlacement struct {
	platformAccess
	output
	Ref        string `arg:"" name:"tenant" help:"Its id or slug."`
	Vectors    string `help:"What is to serve the tenant's vector searches: pgvector or pinecone." enum:"pgvector,pinecone," default:""`
	Collection string `help:"The collection to move."`
	Kind       string `help:"Where to: hnsw (a partition of its own with an index), exact (among the small ones), or auto (by size)." enum:"auto,exact,hnsw," default:""`
}

func (t *tenantPlacement) Run(c *console) error {
	switch {
	case (t.Collection == "") != (t.Kind == ""):
		return usageError{"--collection and --kind go together"}
	case t.Vectors != "" && t.Collection != "":
		return usageError{"--vectors moves the whole tenant, and --collection one of its collections; say one at a time"}
	}
	platform, err := t.platform()
	if err != nil {
		return err
	}
	var placement client.TenantPlacement
	switch {
	case t.Vectors != "":
		placement, err = platform.PlaceVectors(c.ctx, t.Ref, t.Vectors)
	case t.Collection != "":
		placement, err = platform.PlaceCollection(c.ctx, t.Ref, t.Collection, t.Kind)
	default:
		placement, err = platform.Placement(c.ctx, t.Ref)
	}
	if err != nil {
		return err
	}
	if t.JSON {
		return printJSON(c.out, placement)
	}
	fmt.Fprintf(c.err, "database %s, vector searches by %s: %s\n", placement.Database, placement.Vectors, moveText(placement.Move))
	rows := [][]string{{"COLLECTION", "KIND", "WANTED", "SLOT", "CHUNKS", "STATE", "MOVED", "DETAIL"}}
	for _, p := range placement.Collections {
		rows = append(rows, []string{p.Collection, p.Kind, p.Forced, strconv.Itoa(p.Slot), strconv.FormatInt(p.Chunks, 10),
			p.State, moved(p.MovedAt), cmp.Or(p.Detail, "-")})
	}
	return printTable(c.out, rows)
}

func moved(at *time.Time) string {
	if at == nil {
		return "never"
	}
	return day(*at)
}

// moveText says in words how far a move to or from Pinecone is.
func moveText(m client.VectorMove) string {
	if m.Settled {
		return "settled"
	}
	return fmt.Sprintf("under way, with %d collections to change over, %d vectors to send, %d to be seen; %d namespaces in Pinecone",
		m.Collections, m.Unsent, m.Unseen, m.Namespaces)
}
