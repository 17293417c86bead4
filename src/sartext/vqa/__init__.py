"""SAR-VQA: questions whose answers the facts of a caption prove.

`subjects` are the classes of a corpus that may be asked about, `claims` what the facts of an image prove,
`balance` which claims are asked, `wording` how; `making` puts them together and `question` is the row of the
release. `proof` checks a row against the facts and knows nothing of how it was made. `optical` makes the text-only
pairs of the first stage of SAR-GPT from optical captions.
"""
