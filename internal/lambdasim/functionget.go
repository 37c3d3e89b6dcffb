package lambdasim

import "net/http"

// getFunctionJSON is the answer of GetFunction.
type getFunctionJSON struct {
	Configuration configurationJSON
	Code          codeLocationJSON
	Tags          map[string]string `json:",omitempty"`
	Concurrency   *concurrencyJSON  `json:",omitempty"`
}

type codeLocationJSON struct {
	RepositoryType   string
	Location         string `json:",omitempty"`
	ImageURI         string `json:"ImageUri,omitempty"`
	ResolvedImageURI string `json:"ResolvedImageUri,omitempty"`
}

type concurrencyJSON struct {
	ReservedConcurrentExecutions int
}

// getFunction answers GetFunction.
func getFunction(_ *World, c *call) (reply, error) {
	t, err := c.target()
	if err != nil {
		return reply{}, err
	}
	v, err := c.lookup(t)
	if err != nil {
		return reply{}, err
	}
	answer := getFunctionJSON{
		Configuration: v.detail(t.arn(c.region)),
		Code:          c.codeLocation(v),
		Tags:          v.function.tags,
	}
	if reserved := v.function.reserved; reserved != nil {
		answer.Concurrency = &concurrencyJSON{*reserved}
	}
	return jsonReply(http.StatusOK, answer)
}

// codeLocation renders where the code of a version is.
func (c *call) codeLocation(v *version) codeLocationJSON {
	if v.spec.PackageType == packageImage {
		return codeLocationJSON{
			RepositoryType: "ECR", ImageURI: v.spec.ImageURI,
			ResolvedImageURI: resolvedImage(v.spec.ImageURI, v.code.sha256),
		}
	}
	return codeLocationJSON{RepositoryType: "S3", Location: c.presign(codeKey(v), c.now)}
}

// getFunctionConfiguration answers GetFunctionConfiguration.
func getFunctionConfiguration(_ *World, c *call) (reply, error) {
	t, err := c.target()
	if err != nil {
		return reply{}, err
	}
	v, err := c.lookup(t)
	if err != nil {
		return reply{}, err
	}
	return jsonReply(http.StatusOK, v.detail(t.arn(c.region)))
}
