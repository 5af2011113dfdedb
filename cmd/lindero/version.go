package main

import "fmt"

type versionCommand struct{ output }

// Run prints the version.
func (v *versionCommand) Run(c *console) error {
	if v.JSON {
		return printJSON(c.out, map[string]string{"version": version})
	}
	fmt.Fprintln(c.out, "lindero", version)
	return nil
}
