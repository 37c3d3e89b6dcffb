package keys

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/autodefend/autodefend"
)

// Keys are derived from master keys, each for one purpose. The newest master key's sign and seal; those of older ones check
// and open what they signed and sealed. They are safe for concurrent use.
type Keys struct {
	ring []derived // the newest first
}

// derived are the keys of one master key.
type derived struct {
	id             string
	signer         ed25519.PrivateKey
	session        []byte
	defenderTokens []byte
	sealer         cipher.AEAD
}

// TokenKey is a key of the tokens of Defenders, with the id of the master key that it's derived from.
type TokenKey struct {
	ID  string
	Key []byte
}

// What each key is for, as HKDF's info. They are part of what was signed and sealed: a change makes it worthless.
const (
	purposePolicy    = "autodefend console 1: policy signature"
	purposeSession   = "autodefend console 1: session tokens"
	purposeDefenders = "autodefend console 1: defender tokens"
	purposeSeal      = "autodefend console 1: sealed secrets"
	purposeID        = "autodefend console 1: id of the master key"
)

const (
	keySize = 32
	idSize  = 6 // bytes of an id, which tells a few keys from each other
	// maxMasters bounds how many master keys there are at the same time.
	maxMasters = 8
)

// New derives the keys from master keys of [MasterSize] bytes, the newest first.
func New(masters ...[]byte) (*Keys, error) {
	if len(masters) == 0 || len(masters) > maxMasters {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "there are %d master keys, want 1 to %d", len(masters), maxMasters)
	}
	k := &Keys{}
	for i, master := range masters {
		if len(master) != MasterSize {
			return nil, autodefend.Errorf(autodefend.CodeInvalid, "the master key has %d bytes, %d are needed", len(master), MasterSize)
		}
		for _, newer := range masters[:i] {
			if bytes.Equal(newer, master) {
				return nil, autodefend.Errorf(autodefend.CodeInvalid, "the same master key is there twice")
			}
		}
		d, err := derive(master)
		if err != nil {
			return nil, fmt.Errorf("derive key: %w", err)
		}
		k.ring = append(k.ring, d)
	}
	return k, nil
}

func derive(master []byte) (derived, error) {
	keys := make(map[string][]byte)
	for purpose, size := range map[string]int{
		purposePolicy: keySize, purposeSession: keySize, purposeDefenders: keySize, purposeSeal: keySize, purposeID: idSize,
	} {
		key, err := hkdf.Key(sha256.New, master, nil, purpose, size)
		if err != nil {
			return derived{}, err
		}
		keys[purpose] = key
	}
	block, err := aes.NewCipher(keys[purposeSeal])
	if err != nil {
		return derived{}, err
	}
	sealer, err := cipher.NewGCMWithRandomNonce(block)
	return derived{
		id: base64.RawURLEncoding.EncodeToString(keys[purposeID]), signer: ed25519.NewKeyFromSeed(keys[purposePolicy]),
		session: keys[purposeSession], defenderTokens: keys[purposeDefenders], sealer: sealer,
	}, err
}

// IDs tell the master keys apart, the newest first. They say nothing about the keys.
func (k *Keys) IDs() []string {
	ids := make([]string, 0, len(k.ring))
	for _, d := range k.ring {
		ids = append(ids, d.id)
	}
	return ids
}

// PolicySigner signs the policies that Defenders obey.
func (k *Keys) PolicySigner() ed25519.PrivateKey { return k.ring[0].signer }

// OldPolicySigner is the one of an older master key, for Defenders that obey no other yet; nil when the id isn't one.
func (k *Keys) OldPolicySigner(id string) ed25519.PrivateKey {
	for _, d := range k.ring[1:] {
		if d.id == id {
			return d.signer
		}
	}
	return nil
}

// Sessions are the HMAC keys of the tokens that users log in with. The first signs.
func (k *Keys) Sessions() [][]byte {
	all := make([][]byte, 0, len(k.ring))
	for _, d := range k.ring {
		all = append(all, d.session)
	}
	return all
}

// DefenderTokens are the HMAC keys of the tokens of Defenders, the newest first.
func (k *Keys) DefenderTokens() []TokenKey {
	all := make([]TokenKey, 0, len(k.ring))
	for _, d := range k.ring {
		all = append(all, TokenKey{d.id, d.defenderTokens})
	}
	return all
}

// Seal encrypts a secret with AES-256-GCM. It opens only with the same aad, which says what the secret is of, so that one
// can't be put in another's place.
func (k *Keys) Seal(plain, aad []byte) []byte {
	return k.ring[0].sealer.Seal(nil, nil, plain, aad) //nolint:gosec // the sealer makes a nonce and takes none
}

// Open decrypts what Seal made, also with an older master key. It fails when the master key, the aad or a bit of it is
// another.
func (k *Keys) Open(sealed, aad []byte) ([]byte, error) {
	plain, _, err := k.open(sealed, aad)
	return plain, err
}

// Reseal encrypts anew what an older master key sealed. What the newest sealed comes back as it is.
func (k *Keys) Reseal(sealed, aad []byte) ([]byte, error) {
	plain, at, err := k.open(sealed, aad)
	if err != nil || at == 0 {
		return sealed, err
	}
	return k.Seal(plain, aad), nil
}

// open returns a secret and which of the keys opened it.
func (k *Keys) open(sealed, aad []byte) ([]byte, int, error) {
	var err error
	for i, d := range k.ring {
		var plain []byte
		if plain, err = d.sealer.Open(nil, nil, sealed, aad); err == nil {
			return plain, i, nil
		}
	}
	return nil, 0, &autodefend.Error{
		Code: autodefend.CodeInternal, Message: "a stored secret can't be opened",
		Hint: "the master key is another than when it was stored: restore " + FileName + ", or enter the secret again", Err: err,
	}
}
