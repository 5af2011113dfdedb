// Command lindero is the whole service in one binary: server, workers, operator's tools and client.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the build.
var version = "development"

// Exit codes that scripts may rely on.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130 // as shells have it for Ctrl-C; commands that serve until then end with 0
)

// cli is the command line. Every setting can come from the environment.
type cli struct {
	Dev     devCommand     `cmd:"" help:"Run everything with nothing configured: private database, demo tenants, server and workers."`
	Serve   serveCommand   `cmd:"" help:"Run the server, with workers unless told otherwise."`
	Worker  workerCommand  `cmd:"" help:"Run workers alone."`
	Migrate migrateCommand `cmd:"" help:"Bring the database to this version."`
	Doctor  doctorCommand  `cmd:"" help:"Check isolation, versions and migrations of a database, or Pinecone against it."`
	Tenant  tenantCommand  `cmd:"" help:"Manage tenants (needs a platform key)."`
	Key     keyCommand     `cmd:"" help:"Manage tenants' API keys (needs a platform key)."`
	Ingest  ingestCommand  `cmd:"" help:"Send files and directories to a collection and wait until they are searchable."`
	Search  searchCommand  `cmd:"" help:"Search and print the passages found."`
	Bench   benchCommand   `cmd:"" help:"Measure latency, throughput, recall, ingest rate and memory of a deployment."`
	Webhook webhookCommand `cmd:"" help:"Manage the webhooks of a tenant (needs an admin key of it)."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// console is where a command reads and writes: results on out, progress and logs on err.
type console struct {
	ctx  context.Context
	args []string // the command line, without the program
	in   io.Reader
	out  io.Writer
	err  io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // a second signal ends the process at once
	}()
	os.Exit(run(&console{ctx: ctx, in: os.Stdin, out: os.Stdout, err: os.Stderr}, os.Args[1:]))
}

// run parses and runs one command line and returns the exit code.
func run(c *console, args []string) (code int) {
	defer func() {
		switch ended := recover().(type) {
		case nil:
		case exit:
			code = int(ended)
		default:
			panic(ended)
		}
	}()
	parser, err := kong.New(&cli{}, kong.Name("lindero"), kong.Writers(c.out, c.err),
		kong.Description("A multi-tenant retrieval service: documents go in, passages come out, and nothing crosses from one tenant to another."),
		kong.Exit(func(code int) { panic(exit(code)) }))
	if err != nil {
		return c.fail(err)
	}
	c.args = args
	command, err := parser.Parse(args)
	if err != nil {
		return c.fail(usageError{err.Error() + "\nTry: lindero --help"})
	}
	if err := command.Run(c); err != nil {
		return c.fail(err)
	}
	return exitOK
}

// exit is how kong's own endings, such as --help, leave the parser.
type exit int

func (c *console) fail(err error) int {
	fmt.Fprintln(c.err, "lindero:", err)
	var usage usageError
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	}
	return exitFailure
}

// errInterrupted ends a command that was told to stop before it was done.
var errInterrupted = errors.New("interrupted")

// usageError is a mistake in the command line that the parser cannot see.
type usageError struct{ message string }

func (e usageError) Error() string { return e.message }
