package localpg

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// place says where a cluster's files are and who owns them.
type place struct {
	account account
	dir     string // Config.Dir, absolute: lock, log and pointer
	data    string // PostgreSQL's data directory
	socket  string // directory of the Unix socket
}

// elsewhere is where data goes that the server's user could not reach in Config.Dir, as in root's own home.
// Only root gets there, and only root can write in it, so nobody can prepare a trap.
const elsewhere = "/var/lib/lindero"

// maxSocketDir keeps the socket's path below the 104 to 108 bytes that systems allow.
const maxSocketDir = 80

// locate decides the places of a cluster and creates the directories above the data.
func locate(dir string) (place, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return place{}, err
	}
	_, statErr := os.Stat(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return place{}, fmt.Errorf("make the data directory: %w", err)
	}
	p := place{dir: dir, data: filepath.Join(dir, "postgres")}
	if pointed, err := os.ReadFile(p.pointer()); err == nil {
		p.data = strings.TrimSpace(string(pointed))
	}
	if p.account, err = chooseAccount(dir, p.data); err != nil {
		return place{}, err
	}
	if errors.Is(statErr, fs.ErrNotExist) {
		if err := p.handOver(); err != nil {
			return place{}, err
		}
	}
	if err := p.placeData(); err != nil {
		return place{}, err
	}
	return p, p.placeSocket()
}

func (p place) pointer() string { return filepath.Join(p.dir, "postgres.location") }
func (p place) log() string     { return filepath.Join(p.dir, "postgres.log") }
func (p place) pidFile() string { return filepath.Join(p.data, "postmaster.pid") }

// handOver gives a directory just made by root to the owner of the one around it, who can then use it too.
func (p place) handOver() error {
	if uid, err := ownerOf(filepath.Dir(p.dir)); err != nil || uid != p.account.uid {
		return err
	}
	return p.account.give(p.dir)
}

// placeData makes sure that the account can work in the directory of the data, or moves the data elsewhere.
func (p *place) placeData() error {
	if uid, err := ownerOf(p.data); err == nil {
		return p.checkOwner(uid)
	}
	if !p.account.other || p.account.canReach(p.dir) {
		return nil
	}
	p.data = filepath.Join(elsewhere, fingerprint(p.dir), "postgres")
	if err := os.MkdirAll(filepath.Dir(p.data), 0o755); err != nil {
		return fmt.Errorf("user %s cannot enter %s, so the data goes elsewhere: %w", p.account.name, p.dir, err)
	}
	if uid, err := ownerOf(p.data); err == nil {
		if err := p.checkOwner(uid); err != nil {
			return err
		}
	}
	return os.WriteFile(p.pointer(), []byte(p.data+"\n"), 0o644)
}

// canReach reports whether the account can enter dir, by trying with a directory of its own inside.
func (a account) canReach(dir string) bool {
	probe, err := os.MkdirTemp(dir, "probe-")
	if err != nil {
		return false
	}
	defer func() { _ = os.Remove(probe) }()
	return a.give(probe) == nil && a.canUse(probe)
}

func (p place) checkOwner(uid int) error {
	if uid == p.account.uid {
		return nil
	}
	return fmt.Errorf("the data in %s belongs to another user (id %d); run as that user or as root, or choose another data directory", p.data, uid)
}

// placeSocket decides the socket's directory, which has to be short, and makes it.
func (p *place) placeSocket() error {
	base := os.TempDir()
	if len(base) > maxSocketDir-len("/lindero-")-len(fingerprint("")) || (p.account.other && !p.account.canUse(base)) {
		base = "/tmp"
	}
	p.socket = filepath.Join(base, "lindero-"+fingerprint(p.data))
	return p.ensureSocketDir()
}

// ensureSocketDir makes the socket's directory private and the account's. In a world-writable temporary directory
// somebody else may have made it first; then it is refused.
func (p place) ensureSocketDir() error {
	err := os.Mkdir(p.socket, 0o700)
	if err == nil {
		return p.account.give(p.socket)
	}
	if !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the socket's directory: %w", err)
	}
	info, err := os.Lstat(p.socket)
	if err != nil {
		return err
	}
	uid, err := ownerOf(p.socket)
	if err != nil || !info.IsDir() || uid != p.account.uid || info.Mode().Perm() != 0o700 {
		return fmt.Errorf("%s is in the way: it should be a private directory of the server's user; remove it", p.socket)
	}
	return nil
}

// fingerprint names a path in 12 hexadecimal digits.
func fingerprint(path string) string {
	sum := sha256.Sum256([]byte(path))
	return hex.EncodeToString(sum[:6])
}
