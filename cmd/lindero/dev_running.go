package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// runningFile tells, while lindero dev runs, what other commands on this machine find it by. It is for its owner's eyes.
const runningFile = "running.json"

// runningDev is its content.
type runningDev struct {
	DatabaseURL   string `json:"database_url"`
	PlatformURL   string `json:"platform_database_url"`
	PineconeKey   string `json:"pinecone_api_key,omitempty"`
	PineconeHost  string `json:"pinecone_host,omitempty"`
	PineconeIndex string `json:"pinecone_index,omitempty"`
}

// announce writes the file; withdraw removes it.
func (r runningDev) announce(dataDir string) (withdraw func(), err error) {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dataDir, runningFile)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // a killed one's, perhaps with other rights
		return nil, err
	}
	return func() { _ = os.Remove(path) }, writePrivate(path, string(text))
}

// findRunning reads what lindero dev says in a data directory; nil when none runs there.
func findRunning(dataDir string) (*runningDev, error) {
	path := filepath.Join(dataDir, runningFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found runningDev
	if err := json.Unmarshal(text, &found); err != nil {
		return nil, fmt.Errorf("%s is not what lindero dev wrote: %w", path, err)
	}
	return &found, nil
}
