// Reads a JSON list of simulations from standard input and writes iam-simulate's answers to standard output.
// Run with the folder of @cloud-copilot/iam-simulate's installation as argument; record.py does.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'

const name = '@cloud-copilot/iam-simulate'
const folder = resolve(process.argv[2])
const { runSimulation } = createRequire(join(folder, 'package.json'))(name)
const { version } = JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8'))

const answers = []
for (const simulation of JSON.parse(readFileSync(0, 'utf8'))) {
  const response = await runSimulation(simulation, {})
  answers.push(
    response.resultType === 'error'
      ? { refused: response.errors.message }
      : { answer: response.overallResult, ignored: response.result?.ignoredContextKeys ?? [] }
  )
}
process.stdout.write(JSON.stringify({ version, answers }))
