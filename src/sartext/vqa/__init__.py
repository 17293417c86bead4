"""SAR-VQA: questions whose answers the facts of a caption prove.

`subjects` are the classes of a corpus that may be asked about, and how; `claims` what the facts of an image prove;
`making` which claims are asked, and `question` the row of the release. `proof` checks a row against the facts and
knows nothing of how it was made. `optical` makes the text-only pairs of the first stage of SAR-GPT.
"""
