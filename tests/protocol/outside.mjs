// Opens a classical-1 manifest with npm `jose` alone. Input on stdin: {jwe, recipient, signer}; output: the payload.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'

const { generalDecrypt, generalVerify, importJWK } = createRequire(process.argv[2] + '/')('jose')
const given = JSON.parse(readFileSync(0, 'utf8'))
const opened = await generalDecrypt(given.jwe, await importJWK(given.recipient, 'ECDH-ES+A256KW'), {
  keyManagementAlgorithms: ['ECDH-ES+A256KW'],
  contentEncryptionAlgorithms: ['A256GCM'],
})
const signed = JSON.parse(new TextDecoder().decode(opened.plaintext))
const verified = await generalVerify(signed, await importJWK(given.signer, 'ES384'), { algorithms: ['ES384'] })
process.stdout.write(verified.payload)
