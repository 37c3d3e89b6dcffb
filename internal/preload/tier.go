package preload

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/autodefend/autodefend/internal/policy"
)

// Config is what a Tier is opened with.
type Config struct {
	Judge policy.Judge
	// Listener is a listening SOCK_SEQPACKET socket with an abstract name. Open duplicates it; it stays the caller's.
	Listener *os.File
	// ShimPath is the library, absolute, as the function's processes see it. No colon or blank can be in it.
	ShimPath string
	// Resolver is where processes send their DNS queries; the zero value leaves them alone. IPv4 only.
	Resolver netip.AddrPort
	// APIPort is the loopback port of the Runtime API's proxy, 0 for none. Connecting to it is always judged.
	APIPort uint16
	// Upstream is the Runtime API itself, the zero value for none. Connecting to it is always judged, too. IPv4 only.
	Upstream netip.AddrPort
	// Protected are processes whose directories in /proc nobody may reach into, at most four.
	Protected []int
	// FailClosed: when nobody answers, what a rule would stop is denied.
	FailClosed bool
	Log        *slog.Logger
}

// Tier enters the function's processes and answers for them. Its methods are safe for concurrent use.
type Tier struct {
	config    Config
	socket    string // the listener's name, without the NUL
	listener  *net.UnixListener
	startable startable
	table     *sharedTable
	rights    []byte // the control message that carries the table's descriptor
	images    *images
	links     *linkIndex
	unpatched atomic.Bool // the shim of some process couldn't change the C library's code
	// writableLibs: code from where the function can write is a rule's.
	writableLibs atomic.Bool
	places       *places
	buffers      sync.Pool
	serving      sync.WaitGroup
}

// Open prepares the tier. Until Apply, everything is judged.
func Open(config Config) (*Tier, error) {
	if !filepath.IsAbs(config.ShimPath) || strings.ContainsAny(config.ShimPath, ": ") {
		return nil, fmt.Errorf("shim %q: not an absolute path without colons and blanks", config.ShimPath)
	}
	start, err := startableWith(config.ShimPath)
	if err != nil {
		return nil, err
	}
	listener, name, err := listen(config.Listener)
	if err != nil {
		return nil, err
	}
	t := &Tier{
		config: config, socket: name, listener: listener, startable: start,
		images: newImages(), links: newLinkIndex(config.Log), places: newPlaces(connectionsMax),
		buffers: sync.Pool{New: func() any { return new([packetMax + 1]byte) }},
	}
	if t.table, err = openTable(t.cautious()); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	t.rights = unix.UnixRights(int(t.table.file.Fd()))
	return t, nil
}

// listen returns the socket, ready for Go's poller, and its abstract name.
func listen(file *os.File) (*net.UnixListener, string, error) {
	l, err := net.FileListener(file)
	if err != nil {
		return nil, "", fmt.Errorf("preload socket: %w", err)
	}
	unixListener, ok := l.(*net.UnixListener)
	if !ok || l.Addr().Network() != "unixpacket" {
		return nil, "", errors.Join(fmt.Errorf("preload socket: %s %s isn't a SOCK_SEQPACKET socket", l.Addr().Network(), l.Addr()), l.Close())
	}
	unixListener.SetUnlinkOnClose(false)
	name, abstract := strings.CutPrefix(l.Addr().String(), "@")
	if !abstract || name == "" || strings.ContainsAny(name, ":\x00") {
		return nil, "", errors.Join(fmt.Errorf("preload socket: name %q isn't abstract and free of colons", l.Addr()), l.Close())
	}
	return unixListener, name, nil
}

// cautious is the table without a policy: everything is asked.
func (t *Tier) cautious() table {
	result := t.base()
	for k := range kinds {
		result.modes[k], result.stops[k] = modeAsk, true
	}
	return result
}

// base is what the table says whatever the policy is.
func (t *Tier) base() table {
	result := table{protected: t.config.Protected, apiPort: t.config.APIPort, upstream: t.config.Upstream}
	if t.config.FailClosed {
		result.flags |= flagFailClosed
	}
	if t.config.Resolver.Addr().Is4() {
		result.flags |= flagRedirectDNS
		result.resolver = t.config.Resolver
	}
	return result
}

// Close stops Serve and gives the table's memory back. Processes keep their own mapping of it.
func (t *Tier) Close() error {
	err := t.listener.Close()
	t.serving.Wait()
	return errors.Join(err, t.table.close())
}
