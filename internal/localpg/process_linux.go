package localpg

import "syscall"

// dieWithParent has the kernel shut the server down when this process is killed.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = fastShutdown }
