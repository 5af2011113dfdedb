package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"lindero/internal/bench"
	"lindero/tenant"
)

// benchCommand measures a deployment, or one that it starts for itself.
type benchCommand struct {
	output
	URL         string        `env:"LINDERO_URL" help:"The deployment to measure (${env}); without one, a private one is started and removed afterwards."`
	AdminKey    string        `env:"LINDERO_ADMIN_KEY" help:"A platform key of that deployment (${env}); a private one takes it as its own."`
	DatabaseURL string        `env:"LINDERO_DATABASE_URL" help:"Its database as lindero_app, for --baseline and PostgreSQL's memory (${env})."`
	DataDir     string        `help:"Where the private deployment lies; a temporary directory when left out."`
	Workload    string        `default:"quick" enum:"quick,full" help:"quick, or full: the 114 tenants of the published figures."`
	Tenants     string        `help:"A mix of your own in place of the workload, such as 1x40000,100x100: tenants and the chunks of each."`
	Dimensions  int           `default:"768" help:"Of the generated vectors, 2 to 4000."`
	Words       int           `default:"150" help:"Of each generated text, 6 to 10000."`
	Vectors     string        `type:"existingfile" help:"An .fvecs file to take vectors from instead of generating them."`
	Seed        uint64        `default:"1" help:"The same seed makes the same data and queries."`
	Queries     int           `default:"100" help:"Different queries for each size of tenant."`
	Rounds      int           `default:"300" help:"Searches of each kind by one client."`
	Clients     int           `default:"4" help:"Clients at once, for throughput."`
	Slice       time.Duration `default:"1s" help:"How long throughput is measured at a time, three times for each kind."`
	TopK        int           `name:"top-k" default:"10" help:"Results of each search, 1 to 1000."`
	Settle      time.Duration `default:"2m" help:"How long background work may take after loading, at most."`
	Baseline    string        `default:"none" enum:"none,raw" help:"raw: run the same vector searches as hand-written SQL too."`
	Noisy       bool          `help:"Measure a quiet tenant beside a loud one instead."`
	Period      time.Duration `default:"10s" help:"How long each kind of neighbour is measured (--noisy)."`
	ManyTenants int           `help:"Measure searches among this many small tenants instead."`
	Delete      bool          `help:"Measure the deletion of the largest tenant's collection instead."`
	Out         string        `help:"Also write the result to this file, as JSON."`
	Keep        bool          `help:"Leave the tenants and their data in place."`
	Name        string        `help:"Begins the tenants' slugs. With --keep, later runs of the same name find the data there and load what is missing."`
}

// config checks the command line.
func (b *benchCommand) config(c *console) (bench.Config, error) {
	mix := b.Tenants
	if mix == "" {
		mix = map[string]string{"quick": bench.Quick, "full": bench.Full}[b.Workload]
	}
	classes, err := bench.ParseClasses(mix)
	if err != nil {
		return bench.Config{}, usageError{"--tenants: " + err.Error()}
	}
	for _, bound := range []struct {
		flag              string
		value, low, upper int
	}{
		{"dimensions", b.Dimensions, 2, 4000}, {"words", b.Words, 6, 10_000}, {"queries", b.Queries, 1, 10_000}, {"rounds", b.Rounds, 1, 1_000_000},
		{"clients", b.Clients, 1, 256}, {"top-k", b.TopK, 1, 1000}, {"many-tenants", b.ManyTenants, 0, 100_000},
	} {
		if bound.value < bound.low || bound.value > bound.upper {
			return bench.Config{}, usageError{fmt.Sprintf("--%s must be from %d to %d", bound.flag, bound.low, bound.upper)}
		}
	}
	switch {
	case b.Slice <= 0 || b.Period <= 0 || b.Settle < 0:
		return bench.Config{}, usageError{"--slice, --period and --settle are lengths of time, such as 2s"}
	case b.runs() > 1:
		return bench.Config{}, usageError{"--noisy, --many-tenants and --delete are runs of their own; give one of them"}
	case b.Name != "" && tenant.ValidateSlug(b.Name+"-0") != nil:
		return bench.Config{}, usageError{"--name must be lower-case letters, digits and dashes"}
	case b.URL != "" && b.AdminKey == "":
		return bench.Config{}, usageError{"no platform key for " + b.URL + ": set LINDERO_ADMIN_KEY"}
	case b.URL != "" && b.Baseline == "raw" && b.DatabaseURL == "":
		return bench.Config{}, usageError{"--baseline raw needs the deployment's database: set LINDERO_DATABASE_URL"}
	}
	return bench.Config{
		Classes: classes, Dimensions: b.Dimensions, Words: b.Words, Seed: b.Seed, Vectors: b.Vectors, Queries: b.Queries,
		TopK: b.TopK, Rounds: b.Rounds, Clients: b.Clients, Slice: b.Slice, Settle: b.Settle,
		Raw: b.Baseline == "raw", Keep: b.Keep, Name: b.Name,
		Progress: func(line string) { fmt.Fprintln(c.err, line) },
	}, nil
}

// runs counts the runs of their own that are asked for.
func (b *benchCommand) runs() (n int) {
	for _, asked := range []bool{b.Noisy, b.ManyTenants > 0, b.Delete} {
		if asked {
			n++
		}
	}
	return n
}

// Run measures and prints.
func (b *benchCommand) Run(c *console) (err error) {
	config, err := b.config(c)
	if err != nil {
		return err
	}
	config.Deployment = bench.Deployment{URL: b.URL, AdminKey: b.AdminKey, DatabaseURL: b.DatabaseURL}
	if b.URL == "" {
		private, err := startPrivate(c.ctx, c.err, b.DataDir, b.AdminKey)
		if err != nil {
			return err
		}
		defer private.stop(b.Keep || b.DataDir != "")
		config.Deployment = private.deployment()
		config.Keep = b.Keep || b.DataDir == "" // all of it goes with the directory
	}
	run, err := bench.New(c.ctx, config)
	if err != nil {
		return err
	}
	defer func() { // also when interrupted: the tenants were made for this run only
		ending, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), 10*time.Minute)
		defer cancel()
		err = errors.Join(err, run.Close(ending))
	}()
	return b.measure(c, run)
}

// measured is a result of any kind of run.
type measured interface{ Tables() [][][]string }

func (b *benchCommand) measure(c *console, run *bench.Bench) error {
	var result measured
	var err error
	switch {
	case b.Noisy:
		result, err = run.Noisy(c.ctx, b.Period)
	case b.ManyTenants > 0:
		result, err = run.Many(c.ctx, b.ManyTenants)
	case b.Delete:
		result, err = run.Delete(c.ctx)
	default:
		result, err = run.Sizes(c.ctx)
	}
	if err != nil {
		return err
	}
	if b.Out != "" {
		if err := writeFile(b.Out, func(w io.Writer) error { return printJSON(w, result) }); err != nil {
			return err
		}
	}
	if b.JSON {
		return printJSON(c.out, result)
	}
	for i, table := range result.Tables() {
		if i > 0 {
			fmt.Fprintln(c.out)
		}
		if err := printTable(c.out, table); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}
