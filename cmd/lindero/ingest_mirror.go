package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"lindero/client"
)

// A mirror that would delete more than half of the documents, and not just a few, is more likely a mistake: another
// folder, another collection, a disk that is not mounted.
const fewDocuments = 10

// checkMirror refuses what --delete-missing cannot do, and an empty folder.
func (i *ingestCommand) checkMirror(found findings) error {
	switch {
	case !i.DeleteMissing:
		return nil
	case !found.mirrors:
		return usageError{"--delete-missing compares with whole directories: give directories only"}
	case len(found.sources) == 0 && len(found.failures) == 0 && !i.Yes:
		return errors.New("there is no document below " + fmt.Sprint(i.Paths) + ", so --delete-missing would delete everything; if that is meant, add --yes")
	}
	return nil
}

// mirror deletes the documents that the directories no longer have.
func (g *ingestion) mirror(ctx context.Context) error {
	if g.result.incomplete() {
		g.result.failed(failure{Code: "not_mirrored", Detail: "nothing was deleted, because not everything could be read"})
		return nil
	}
	total, missing := 0, []string(nil)
	for document, err := range g.api.Documents(ctx, g.command.Collection, client.DocumentQuery{Prefix: g.command.Prefix}) {
		if err != nil {
			return err
		}
		total++
		if !g.local[document.ID] {
			missing = append(missing, document.ID)
		}
	}
	most := 2*len(missing) > total && (len(missing) > fewDocuments || len(g.local) == 0)
	if most && !g.command.Yes {
		g.result.failed(failure{Code: "not_mirrored", Detail: fmt.Sprintf(
			"nothing was deleted: %d of %d documents are missing in the folder; if that is meant, add --yes", len(missing), total)})
		return nil
	}
	if g.command.DryRun {
		for _, id := range missing {
			g.result.would(actionDelete, id, "missing")
		}
		return nil
	}
	for some := range slices.Chunk(missing, client.MaxLookup) {
		deleted, err := g.api.DeleteDocuments(ctx, g.command.Collection, some...)
		if err != nil {
			return err
		}
		g.result.deleted(int(deleted))
	}
	return nil
}
