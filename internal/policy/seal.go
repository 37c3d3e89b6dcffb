package policy

import (
	"bytes"
	"compress/flate"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/autodefend/autodefend"
)

// What can be wrong with the value of TW_POLICY.
var (
	// ErrTampered: the signature doesn't match the content or the key.
	ErrTampered = errors.New("its signature doesn't match")
	// ErrTruncated: the end is missing.
	ErrTruncated = errors.New("it is cut short")
	// ErrMalformed: it is something else.
	ErrMalformed = errors.New("it isn't a policy")
	// ErrNewer: it was made by a newer program.
	ErrNewer = errors.New("it is of a newer version")
)

// A sealed envelope is [autodefend.PolicyPrefix] and, in base64 for URLs without padding:
//
//	1 byte    version: 1, or 2 with a rule of the firewall
//	2 bytes   length of the content as sealed, big-endian
//	32 bytes  Ed25519 public key
//	64 bytes  signature of sealContext, all of the above, and the content
//	n bytes   content: JSON, deflated with the dictionary of the version
const (
	// plainVersion has a rule of the runtime alone. Whatever has no more is sealed so, for Defenders that know nothing else
	// and so that values stay what they were; sealVersion has a rule of the firewall too.
	plainVersion = 1
	sealVersion  = 2
	sealContext  = "autodefend policy envelope\n"
	headSize     = 3 + ed25519.PublicKeySize
	sealSize     = headSize + ed25519.SignatureSize
	// maxContent bounds the content in bytes when it's inflated, so that a few bytes can't fill the memory.
	maxContent = 1 << 20
)

// seal packs and signs an envelope.
func seal(e *Envelope, key ed25519.PrivateKey) (string, error) {
	var errs []error
	version := byte(plainVersion)
	if e.WAAS != nil {
		version = sealVersion
	}
	content, err := deflate(version, writeObject(e, true, &errs))
	if err = errors.Join(append(errs, err)...); err != nil {
		return "", fmt.Errorf("pack %s: %w", EnvironmentVariable, err)
	}
	if len(content) > 1<<16-1 {
		return "", tooLong(len(content), 1<<16-1)
	}
	head := make([]byte, 0, sealSize+len(content))
	head = append(head, version)
	head = binary.BigEndian.AppendUint16(head, uint16(len(content))) //nolint:gosec // checked above
	head = append(head, key[ed25519.SeedSize:]...)
	sealed := append(head, ed25519.Sign(key, signed(head, content))...)
	return autodefend.PolicyPrefix + base64.RawURLEncoding.EncodeToString(append(sealed, content...)), nil
}

// signed is what the signature is of.
func signed(head, content []byte) []byte {
	return bytes.Join([][]byte{[]byte(sealContext), head, content}, nil)
}

// unseal checks and unpacks an envelope. It returns the content and the key that signed it.
func unseal(s string, trusted ed25519.PublicKey) ([]byte, ed25519.PublicKey, error) {
	raw, err := decodeBase64(strings.TrimSpace(s))
	if err != nil {
		return nil, nil, err
	}
	if len(raw) == 0 || raw[0] == 0 {
		return nil, nil, ErrMalformed
	}
	if raw[0] > sealVersion {
		if raw[0] > 16 {
			return nil, nil, ErrMalformed // no version will ever be so high: it's text of some kind
		}
		return nil, nil, fmt.Errorf("%w: %d, and this program knows %d", ErrNewer, raw[0], sealVersion)
	}
	if len(raw) < sealSize {
		return nil, nil, ErrTruncated
	}
	head, signature, content := raw[:headSize], raw[headSize:sealSize], raw[sealSize:]
	switch size := int(binary.BigEndian.Uint16(head[1:])); {
	case len(content) < size:
		return nil, nil, fmt.Errorf("%w: %d of %d bytes are there", ErrTruncated, len(content), size)
	case len(content) > size:
		return nil, nil, fmt.Errorf("%w: %d bytes follow its end", ErrMalformed, len(content)-size)
	}
	key := ed25519.PublicKey(bytes.Clone(head[3:]))
	if trusted != nil && !key.Equal(trusted) {
		return nil, nil, fmt.Errorf("%w: another key signed it", ErrTampered)
	}
	if !ed25519.Verify(key, signed(head, content), signature) {
		return nil, nil, ErrTampered
	}
	content, err = inflate(raw[0], content)
	return content, key, err
}

// decodeBase64 takes the prefix off and decodes; what is left of a last group that was cut is dropped, for the length to tell.
func decodeBase64(s string) ([]byte, error) {
	s, ours := strings.CutPrefix(s, autodefend.PolicyPrefix)
	if !ours {
		return nil, fmt.Errorf("%w: it doesn't begin with %q", ErrMalformed, autodefend.PolicyPrefix)
	}
	if len(s)%4 == 1 {
		s = s[:len(s)-1]
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("%w: it isn't base64", ErrMalformed)
	}
	return raw, nil
}

// compressors are used again, by version: one takes a megabyte to make, and a Console encodes thousands of envelopes when a
// policy has changed.
var compressors [sealVersion + 1]sync.Pool //nolint:gochecknoglobals // nothing of what one did before shows in what it does

func deflate(version byte, content []byte) ([]byte, error) {
	var b bytes.Buffer
	pool := &compressors[version]
	w, ok := pool.Get().(*flate.Writer)
	if ok {
		w.Reset(&b) // it keeps the dictionary
	} else {
		var err error
		if w, err = flate.NewWriterDict(&b, flate.BestCompression, dictionaryOf(version)); err != nil {
			return nil, err
		}
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	pool.Put(w)
	return b.Bytes(), nil
}

func inflate(version byte, content []byte) ([]byte, error) {
	r := flate.NewReaderDict(bytes.NewReader(content), dictionaryOf(version))
	out, err := io.ReadAll(io.LimitReader(r, maxContent+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if len(out) > maxContent {
		return nil, fmt.Errorf("%w: its content has more than %d bytes", ErrMalformed, maxContent)
	}
	return out, nil
}

// dictionaryOf returns what the compressor has seen before it begins, the frequent at the end. It's part of the format: a
// change of it needs a new version.
func dictionaryOf(version byte) []byte {
	if version == plainVersion {
		return []byte(dictionary)
	}
	return []byte(firewallDictionary + dictionary)
}

// firewallDictionary is what [sealVersion] adds.
const firewallDictionary = `"exceptionFields":[{"key":"/user/description","keyPattern":true,"location":"rawBody","response":true,"valuePattern":true},` +
	`{"key":"^[a-z0-9_-]+$","location":"UserAgentHeader"},{"key":"q","location":"queryValues"},{"key":"/data/*/value","location":"XMLPath"},` +
	`{"key":"comment|content|message|description|html|body|query|sql|text|title|notes|search|filter","location":"body"},` +
	`{"key":"x-","location":"header"},{"key":"session","location":"cookie"},{"key":"/health","location":"path"},` +
	`{"key":"/comment","location":"JSONPath"},{"key":".*","location":"query"}]` +
	`"customBlockResponse":{"enabled":true,"code":403,"body":"<html><body>Forbidden</body></html>"},"disableEventIDHeader":true` +
	`"autodefend":{"level":"strict","failMode":"closed","budgetMs":100,"onQueue":"batchItemFailures","drop","error","triggers":{` +
	`"apiGateway":{"effect":"prevent"},"httpAPI":{"effect":"alert"},"functionURL":{"effect":"alert"},"alb":{"effect":"alert"},` +
	`"webSocket":{"effect":"alert"},"authorizer":{"effect":"alert"},"appSync":{"effect":"alert"},"kinesis":{"effect":"disable"},` +
	`"dynamodb":{"effect":"disable"},"kafka":{"effect":"disable"},"eventBridge":{"effect":"disable"},"cloudWatchLogs":{"effect":"alert"},` +
	`"s3":{"effect":"prevent"},"sns":{"effect":"prevent"},"sqs":{"effect":"prevent","classes":["sqli","cmdi","lfi"]}},` +
	`"customRules":[{"name":"","expression":"req.path startswith \"/admin\" and not (req.ip in ("10.0.0.0/8")) or lowercase(req.query_param_values) contains /\\b` +
	`req.http_method req.headers[\"user-agent\"] req.header_values req.cookies[\"\"] req.body_param_values urlQueryDecode(req.body) jwtPayloadValue(\"",` +
	`"effect":"allow","message":"%regexMatches"}]}},` +
	`"waas":{"name":"Default","applicationsSpec":[{"appID":"app-0001",` +
	`"sqli":{"effect":"prevent"},"xss":{"effect":"prevent"},"cmdi":{"effect":"prevent"},"lfi":{"effect":"prevent"},"codeInjection":{"effect":"prevent"},` +
	`"attackTools":{"effect":"prevent"},"shellshock":{"effect":"prevent"},"malformedReq":{"effect":"alert"},` +
	`"body":{"inspectionSizeBytes":131072,"inspectionLimitExceededEffect":"disable"}}]},` +
	`"sqli":{"effect":"alert"},"xss":{"effect":"alert"},"cmdi":{"effect":"alert"},"lfi":{"effect":"alert"},"codeInjection":{"effect":"alert"},` +
	`"attackTools":{"effect":"alert"},"shellshock":{"effect":"alert"},"malformedReq":{"effect":"alert"},` +
	`"body":{"inspectionSizeBytes":131072,"inspectionLimitExceededEffect":"alert"}}]},`

// dictionary is that of [plainVersion].
const dictionary = `"provider":"azure","proxy":{"httpProxy":"http://","noProxy":"","user":"","password":"","ca":"-----BEGIN CERTIFICATE-----\n` +
	`"exceptions":[{"processes":["/usr/bin/"],"domains":["*."],"ips":["10.0.0.0/8","192.168.0.0/16"],"paths":["/tmp/"]}],` +
	`"customRules":[{"_id":1,"action":"audit","effect":"` +
	`169.254.169.254/32 172.16.0.0/12 /proc/ /root /home /var/run /usr/local/bin/ .cloudfront.net .googleapis.com ` +
	`github.com yahoo.com example.com .internal .local ` +
	`us-east-1 us-east-2 us-west-1 us-west-2 eu-west-1 eu-west-2 eu-central-1 ap-southeast-1 ap-northeast-1 ` +
	`curl wget ncat netcat socat bash sh dash perl ruby python3 node busybox git ssh chmod xmrig ` +
	`"*.s3.*.amazonaws.com","*.dynamodb.*.amazonaws.com","sqs.*.amazonaws.com","*.rds.amazonaws.com","*.execute-api.*.amazonaws.com",` +
	`"autodefend":{"failMode":"closed","fileless":"prevent","tmpExecutables":"prevent","opaque":"alert","tamper":"alert",` +
	`"strictEgress":true,"helpers":["/usr/bin/","uname","ldconfig","gcc"],"readOnly":["/var/task","/opt"]}},"summary":true,` +
	`{"rule":{"name":"Default","disabled":true,"advancedProtection":true,` +
	`"processes":{"effect":"prevent","whitelist":["/usr/bin/","/var/lang/bin/"],"blacklist":["wget","curl"],"blockAllBinaries":true,"checkCryptoMiners":true},` +
	`"network":{"effect":"disable","whitelistIPs":["10.0.0.0/8"],"blacklistIPs":["169.254.169.254"],` +
	`"whitelistOutboundPorts":[{"start":443,"end":443}],"blacklistOutboundPorts":[{"start":22,"end":22},{"start":25,"end":25,"deny":true}],` +
	`"whitelistListeningPorts":[{"start":8080,"end":8080}],"blacklistListeningPorts":[{"start":1,"end":65535}]},` +
	`"dns":{"effect":"disable","whitelist":["*.amazonaws.com"],"blacklist":["*."]},` +
	`"filesystem":{"effect":"disable","whitelist":["/tmp"],"blacklist":["/etc/passwd","/etc/shadow"]},"autodefend":{"fileless":"prevent"}},` +
	`"effect":"alert","effect":"block","effect":"prevent","blockAllBinaries":true,"checkCryptoMiners":true},` +
	`"function":"prod-api-handler","region":"us-east-1","account":"123456789012","console":{"address":"https://console.example.com:8083",` +
	`"token":"","ca":"sha256:"},"interval":300,"failMode":"open","issued":17`
