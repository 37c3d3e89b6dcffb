package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"github.com/autodefend/autodefend"
)

// Keys are derived from one master key, each for one purpose. They are safe for concurrent use.
type Keys struct {
	signer         ed25519.PrivateKey
	session        []byte
	defenderTokens []byte
	sealer         cipher.AEAD
}

// What each key is for, as HKDF's info. They are part of what was signed and sealed: a change makes it worthless.
const (
	purposePolicy    = "autodefend console 1: policy signature"
	purposeSession   = "autodefend console 1: session tokens"
	purposeDefenders = "autodefend console 1: defender tokens"
	purposeSeal      = "autodefend console 1: sealed secrets"
)

const keySize = 32

// New derives the keys from a master key of [MasterSize] bytes.
func New(master []byte) (*Keys, error) {
	if len(master) != MasterSize {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "the master key has %d bytes, %d are needed", len(master), MasterSize)
	}
	derived := make(map[string][]byte)
	for _, purpose := range []string{purposePolicy, purposeSession, purposeDefenders, purposeSeal} {
		key, err := hkdf.Key(sha256.New, master, nil, purpose, keySize)
		if err != nil {
			return nil, fmt.Errorf("derive key: %w", err)
		}
		derived[purpose] = key
	}
	block, err := aes.NewCipher(derived[purposeSeal])
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	sealer, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	return &Keys{
		signer: ed25519.NewKeyFromSeed(derived[purposePolicy]), session: derived[purposeSession],
		defenderTokens: derived[purposeDefenders], sealer: sealer,
	}, nil
}

// PolicySigner signs the policies that Defenders obey.
func (k *Keys) PolicySigner() ed25519.PrivateKey { return k.signer }

// Session is the HMAC key of the tokens that users log in with.
func (k *Keys) Session() []byte { return k.session }

// DefenderTokens is the HMAC key of the tokens of Defenders.
func (k *Keys) DefenderTokens() []byte { return k.defenderTokens }

// Seal encrypts a secret with AES-256-GCM. It opens only with the same aad, which says what the secret is of, so that one
// can't be put in another's place.
func (k *Keys) Seal(plain, aad []byte) []byte {
	return k.sealer.Seal(nil, nil, plain, aad) //nolint:gosec // the sealer makes a nonce and takes none
}

// Open decrypts what Seal made. It fails when the master key, the aad or a bit of it is another.
func (k *Keys) Open(sealed, aad []byte) ([]byte, error) {
	plain, err := k.sealer.Open(nil, nil, sealed, aad)
	if err != nil {
		return nil, &autodefend.Error{
			Code: autodefend.CodeInternal, Message: "a stored secret can't be opened",
			Hint: "the master key is another than when it was stored: restore " + FileName + ", or enter the secret again", Err: err,
		}
	}
	return plain, nil
}
