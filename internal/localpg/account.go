package localpg

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// account is the operating system's user that the server runs as. PostgreSQL refuses to run as root.
type account struct {
	name     string
	uid, gid int
	other    bool // not the user of this process, so programs need its credential
}

// chooseAccount: ourselves unless we are root; as root the owner of data when it exists, then the owner of the
// directory above dir (usually the checkout), then postgres, then nobody.
func chooseAccount(dir, data string) (account, error) {
	if uid := os.Geteuid(); uid != 0 {
		return account{uid: uid, gid: os.Getegid()}, nil
	}
	for _, path := range []string{data, dir, dir + "/.."} {
		uid, err := ownerOf(path)
		if err != nil || uid == 0 {
			continue
		}
		// initdb looks its user up by id and fails without an entry, as in a container with a mounted checkout.
		if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
			return otherAccount(u)
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			return otherAccount(u)
		}
	}
	return account{}, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody to run it as; run as an ordinary user")
}

func otherAccount(u *user.User) (account, error) {
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return account{}, fmt.Errorf("user %s has no numeric id: %w", u.Username, err)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return account{}, fmt.Errorf("user %s has no numeric group: %w", u.Username, err)
	}
	return account{name: u.Username, uid: uid, gid: gid, other: true}, nil
}

// command prepares a program to run as the account, from a directory that every user may enter.
func (a account) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if a.other {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return cmd
}

// canUse reports whether the account can reach dir and write there, by trying: permission bits alone do not
// tell (ACLs, mounts, security modules).
func (a account) canUse(dir string) bool {
	return a.command("/bin/sh", "-c", `cd "$1" && test -w .`, "sh", dir).Run() == nil
}

// give makes a file or directory of ours the account's. It follows no symbolic link.
func (a account) give(path string) error {
	if !a.other {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}

func ownerOf(path string) (int, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, fmt.Errorf("%s: owner unknown", path)
	}
	return int(stat.Uid), nil
}
