package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"lindero/client"
)

// remote says which server a client command talks to.
type remote struct {
	URL string `env:"LINDERO_URL" default:"http://127.0.0.1:8080" help:"The server (${env})."`
}

// tenantAccess is a remote asked with a tenant's key.
type tenantAccess struct {
	remote
	APIKey string `name:"api-key" env:"LINDERO_API_KEY" help:"The tenant's API key (${env})."`
}

func (a *tenantAccess) client() (*client.Client, error) { return a.patientClient(0) }

// patientClient goes on trying for at least so long while the server is away or refuses for the moment.
func (a *tenantAccess) patientClient(patience time.Duration) (*client.Client, error) {
	if a.APIKey == "" {
		return nil, usageError{"no API key: set LINDERO_API_KEY to one of the tenant's keys (lindero dev prints some)"}
	}
	return client.New(client.Config{URL: a.URL, Key: a.APIKey, UserAgent: "lindero/" + version, Patience: patience})
}

// platformAccess is a remote asked with a platform key.
type platformAccess struct {
	remote
	AdminKey string `env:"LINDERO_ADMIN_KEY" help:"A platform key (${env}); without one, that of lindero dev in the data directory."`
	DataDir  string `env:"LINDERO_DATA_DIR" default:".lindero" help:"Where lindero dev keeps its data (${env})."`
}

func (a *platformAccess) platform() (client.Platform, error) {
	key := a.AdminKey
	if key == "" {
		kept, err := os.ReadFile(filepath.Join(a.DataDir, adminKeyFile))
		if err != nil {
			return client.Platform{}, usageError{"no platform key: set LINDERO_ADMIN_KEY, or run this where lindero dev runs"}
		}
		key = strings.TrimSpace(string(kept))
	}
	c, err := client.New(client.Config{URL: a.URL, Key: key, UserAgent: "lindero/" + version})
	if err != nil {
		return client.Platform{}, err
	}
	return c.Platform(), nil
}

// printJSON writes one value for machines.
func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// printTable writes rows for people, the first being the heading.
func printTable(w io.Writer, rows [][]string) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush()
}

// day prints a time for people.
func day(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }
