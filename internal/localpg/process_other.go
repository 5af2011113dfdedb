//go:build !linux

package localpg

import "syscall"

// dieWithParent cannot be had here: the next start ends a server that was left running.
func dieWithParent(*syscall.SysProcAttr) {}
