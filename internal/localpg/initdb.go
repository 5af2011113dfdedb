package localpg

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// superuser is the cluster's administrator; only users of this machine who can open the socket's directory
// (its owner and root) can log in at all, so no password is needed.
const superuser = "postgres"

// ensureData makes the data directory when there is none, and picks the installation that can run it.
func (c *Cluster) ensureData() error {
	content, err := os.ReadFile(filepath.Join(c.place.data, "PG_VERSION"))
	if err != nil {
		return c.initialise()
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		return fmt.Errorf("%s/PG_VERSION: %w", c.place.data, err)
	}
	if c.binaries.Major() != major {
		c.binaries, err = forData(major)
	}
	return err
}

// initialise runs initdb beside the final place and renames, so that an interrupted run leaves nothing that
// looks like data.
func (c *Cluster) initialise() error {
	fresh := c.place.data + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	if err := c.place.account.give(fresh); err != nil {
		return fmt.Errorf("give the data directory to %s: %w", c.place.account.name, err)
	}
	// Sorting by code point is the same on every system; C is for systems without C.UTF-8.
	err := c.initdb(fresh, "C.UTF-8")
	if err != nil {
		if c.initdb(fresh, "C") != nil {
			return err
		}
	}
	return os.Rename(fresh, c.place.data)
}

func (c *Cluster) initdb(dir, locale string) error {
	args := []string{
		"-D", dir, "-U", superuser, "--encoding=UTF8", "--locale=" + locale,
		"--auth-local=trust", "--auth-host=reject", "--no-instructions",
	}
	if !c.durable {
		args = append(args, "--no-sync")
	}
	out, err := c.place.account.command(c.binaries.program("initdb"), args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
