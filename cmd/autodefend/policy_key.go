package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/autodefend/autodefend"
)

func newPolicyKeygen(a *app) *cobra.Command {
	return &cobra.Command{
		Long: `Makes an Ed25519 key and writes it to FILE, which may not exist and which only you can
read, in the form that openssl uses too. It prints the public key.

Policies for one estate are signed with one key: a Defender takes newer policies only from
whoever signed the one that it was started with.`,
		Example: "  autodefend policy keygen policy.key",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError(cmd, "keygen wants one file to write the key to")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.keygen(args[0]) },
	}
}

func (a *app) keygen(name string) error {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		e := autodefend.Errorf(autodefend.CodeInvalid, "the key can't be written to %q: %s", name, whyNot(err))
		if errors.Is(err, os.ErrExist) {
			return e.WithHint("a key is never overwritten: who loses it can't update policies of functions that trust it")
		}
		return e
	}
	if err := errors.Join(pem.Encode(f, &pem.Block{Type: keyBlock, Bytes: der}), f.Close()); err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	_, err = fmt.Fprintln(a.stdout, printedKey(public))
	return err
}

// keyBlock is the type of the PEM block of a private key.
const keyBlock = "PRIVATE KEY"

// printedKey is a public key as commands print and take it.
func printedKey(key ed25519.PublicKey) string { return base64.RawURLEncoding.EncodeToString(key) }

// signingKey reads the key of --key; without one it makes one for this value.
func (a *app) signingKey(name string) (ed25519.PrivateKey, error) {
	if name == "" {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	text, err := a.input("option --key:", name)
	if err != nil {
		return nil, err
	}
	key, err := parseSigningKey(text)
	if err != nil {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "option --key: %q %s", name, err).WithHint("make one with: autodefend policy keygen FILE")
	}
	return key, nil
}

// parseSigningKey reads a private key as keygen writes it. The error says what
// the file does.
func parseSigningKey(text []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != keyBlock {
		return nil, errors.New("holds no private key in PEM form")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, errors.New("holds a key that isn't an Ed25519 key")
	}
	return key, nil
}

// publicKey reads a public key as it's printed; none for "".
func publicKey(option, text string) (ed25519.PublicKey, error) {
	if text == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "option %s: %q isn't a public key", option, text).
			WithHint("give it as policy keygen or policy decode prints it")
	}
	return raw, nil
}
