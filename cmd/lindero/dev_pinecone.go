package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lindero/client"
	"lindero/internal/pineconeemu"
	"lindero/store"
)

// pineconeDir is where, in the data directory, the emulator keeps its indexes.
const pineconeDir = "pinecone"

// emulatedDelay is when writes to the emulator become visible: late enough for everybody to see that Pinecone is
// eventually consistent and that searches are complete all the same.
const emulatedDelay = 200 * time.Millisecond

// emulatePinecone starts the emulator where no Pinecone is configured and it is wanted, or tenants of an earlier run
// may be on it; nil otherwise. The settings then lead to it.
func (d *devCommand) emulatePinecone(log *slog.Logger) (*pineconeemu.Emulator, error) {
	if d.PineconeKey != "" {
		return nil, nil
	}
	if d.PineconeHost != "" {
		return nil, usageError{"LINDERO_PINECONE_HOST is set, but PINECONE_API_KEY is not; Pinecone Local takes any key"}
	}
	dir := filepath.Join(d.DataDir, pineconeDir)
	if _, err := os.Stat(dir); d.Vectors != store.Pinecone && err != nil {
		return nil, nil
	}
	key := rand.Text()
	emulator, err := pineconeemu.Start(pineconeemu.Config{
		APIKey: key, Dir: dir, Visibility: pineconeemu.Visibility{Delay: emulatedDelay}, Log: log,
	})
	if err != nil {
		return nil, fmt.Errorf("start the Pinecone emulator: %w", err)
	}
	d.PineconeKey, d.PineconeHost = key, emulator.ControlURL()
	return emulator, nil
}

// tellVectors says what vector searches run on.
func (d *devCommand) tellVectors(c *console, emulator *pineconeemu.Emulator) {
	switch {
	case emulator != nil:
		fmt.Fprintf(c.out, "  New tenants' vectors: %s · Pinecone emulator on %s: search is exact, writes show after %v, kept in %s\n",
			d.Vectors, emulator.ControlURL(), emulatedDelay, filepath.Join(d.DataDir, pineconeDir))
	case d.PineconeKey != "":
		fmt.Fprintf(c.out, "  New tenants' vectors: %s · Pinecone is configured\n", d.Vectors)
	}
}

// tellElsewhere says which tenants an earlier run put on another backend than new ones get now, and how to move them.
func (d *devCommand) tellElsewhere(ctx context.Context, c *console, url string) error {
	if d.PineconeKey == "" {
		return nil
	}
	operator, err := client.New(client.Config{URL: url, Key: d.AdminKey})
	if err != nil {
		return err
	}
	var elsewhere []string
	for t, err := range operator.Platform().Tenants(ctx, "", "") {
		if err != nil {
			return err
		}
		if t.State != "deleting" && t.Placement.Vectors != d.Vectors {
			elsewhere = append(elsewhere, t.Slug)
		}
	}
	if len(elsewhere) > 0 {
		fmt.Fprintf(c.out, "  Served otherwise, as before: %s. To move one: lindero tenant placement %s --vectors %s --url %s --data-dir %s\n",
			strings.Join(elsewhere, ", "), elsewhere[0], d.Vectors, url, d.DataDir)
	}
	return nil
}
