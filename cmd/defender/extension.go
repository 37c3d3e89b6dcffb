package main

import (
	"context"
	"os"

	"github.com/autodefend/autodefend/internal/runtimeapi"
	"github.com/autodefend/autodefend/internal/wrapper"
)

// extensionName is the file in /opt/extensions that starts "defender extension".
const extensionName = "autodefend"

// extension is the layer's external extension: that there is one makes Lambda end functions in order.
func extension() int {
	limitMemory()
	c, _ := readConfig(wrapper.Environ()) // the guardian says what is wrong
	err := runtimeapi.RunExtension(context.Background(), runtimeapi.Extension{
		Name: extensionName,
		API:  os.Getenv(envRuntimeAPI),
		Log:  newLog(c.level),
	}, func() {})
	if err != nil {
		return 1
	}
	return 0
}
