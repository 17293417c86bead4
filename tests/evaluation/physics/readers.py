"""Readers that know the truth by heart, in the place of a model: they get the pictures as a model does."""

import torch

from sartext.evaluation.physics import ORDINARY


class TruthfulReader:
    """It knows every picture of a set, and tells its facts; features are equal where captions are.

    With ``otherwise`` it knows the ordinary pictures alone, and tells that of every other one.
    """

    def __init__(self, physics, writes=True, otherwise=None):
        self.writes = writes
        self.known = {}
        for setting in physics.pictures:
            self.learn(physics.pictures[setting], physics.captions)
        self.learn(physics.redrawn, physics.captions)
        self.learn(
            [removal.picture for removal in physics.removals], [removal.caption for removal in physics.removals]
        )
        captions = [*self.known.values()]
        if otherwise:
            ordinary = {picture.tobytes() for picture in physics.pictures[ORDINARY]}
            self.known = {key: text if key in ordinary else otherwise for key, text in self.known.items()}
            captions.append(otherwise)
        self.numbers = {caption: number for number, caption in enumerate(dict.fromkeys(captions))}

    def learn(self, pictures, captions):
        self.known |= {picture.tobytes(): caption for picture, caption in zip(pictures, captions, strict=True)}

    def tell(self, pictures):
        return [self.known[picture.tobytes()] for picture in pictures]

    def see(self, pictures):
        return self.hear(self.tell(pictures))

    def hear(self, captions):
        return torch.eye(len(self.numbers))[[self.numbers[caption] for caption in captions]]


class HedgingReader(TruthfulReader):
    """It tells of one object where there are several, and with one of them gone that there is at least one."""

    def __init__(self, physics):
        super().__init__(physics)
        for removal in physics.removals:
            self.learn(
                physics.pictures[ORDINARY][[removal.place]], [f"There is one {removal.noun} in this SAR image."]
            )
            self.learn([removal.picture], [f"There is at least one {removal.noun} in this SAR image."])
        self.numbers = {caption: at for at, caption in enumerate({*self.numbers, *self.known.values()})}
