"""Writers of tiny look-alikes of corpora, each in the layout and format of the real one: a few images.

Every writer gets ``put(path, content)``, which writes a file of the corpus.
"""

import json

import numpy as np

from tests.corpora.making import encoded, npy, picture, tiff, voc

SIDE = 64


def grey(path, seed):
    """A picture of noise in the form that its name says."""
    if path.endswith((".tif", ".tiff")):
        return tiff(np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE), dtype=np.uint8))
    form = {"png": "PNG", "bmp": "BMP"}.get(path.rpartition(".")[2], "JPEG")
    return picture(SIDE, SIDE, seed, "L", form)


def decibels(seed, bands=2):
    return np.random.default_rng(seed).normal(-14, 3, (bands, SIDE, SIDE)).astype(np.float32)


def halves(first, second, kind=np.uint8):
    """A mask of two codes, one above the other."""
    codes = np.full((SIDE, SIDE), first, kind)
    codes[SIDE // 2 :] = second
    return codes


def put_images(put, template, names):
    for seed, name in enumerate(names):
        path = template.format(name)
        put(path, grey(path, seed))


def voc_boxes(put, names, images="JPEGImages/{}.jpg", annotations="Annotations/{}.xml", labels=("ship",)):
    """The first image has a box of each label, the others none."""
    put_images(put, images, names)
    for name in names:
        boxes = [
            (label, 5 * at + 1, 2, 5 * at + 5, 9) for at, label in enumerate(labels if name == names[0] else ())
        ]
        put(annotations.format(name), voc(*boxes, filename=f"{name}.jpg", width=SIDE, height=SIDE))


def turned_voc(put, names, images, annotations, filename="{}.jpg"):
    """Ships with an upright box and one of centre, sides and angle in radians, as roLabelImg writes it."""
    put_images(put, images, names)
    turned = "</bndbox><robndbox><cx>30</cx><cy>20</cy><w>20</w><h>10</h><angle>0.0</angle></robndbox>"
    for name in names:
        text = voc(("ship", 20, 15, 40, 25), filename=filename.format(name), width=SIDE, height=SIDE)
        put(annotations.format(name), text.replace("</bndbox>", turned))


def merged_voc(put):
    put_images(put, "images/{}.jpg", ["0000001", "0000002"])
    box = ("A320/321", 1, 2, 30, 40)
    elements = [voc(box, filename=f"000000{number}.jpg", width=SIDE, height=SIDE) for number in (1, 2)]
    put("labels/annotations.xml", f"<annotations>{''.join(elements)}</annotations>")


def text_boxes(put, names, images, labels, line):
    """A line in the first image's text; the others have empty files: looked at, and nothing found."""
    put_images(put, images, names)
    for name in names:
        put(labels.format(name), line if name == names[0] else "")


def srsdd(put):
    for split, at in (("train", 1), ("test", 2)):
        line = "imagesource:GF3\ngsd:1\n10 10 30 10 30 20 10 20 Cell-Container 0\n5 5 9 5 9 9 5 9 Container 1\n"
        text_boxes(put, [str(at)], f"{split}/images/{{}}.png", f"{split}/labels/{{}}.txt", line)


def coco_boxes(put, images, annotations, names, categories):
    put_images(put, images, names)
    listed = [
        {"id": at, "file_name": f"{name}.jpg", "width": SIDE, "height": SIDE} for at, name in enumerate(names)
    ]
    boxes = [
        {"id": at, "image_id": 0, "category_id": at, "bbox": [at * 9, 3, 8, 8], "iscrowd": 0}
        for at, _ in enumerate(categories)
    ]
    named = [{"id": at, "name": name} for at, name in enumerate(categories)]
    put(annotations, json.dumps({"images": listed, "annotations": boxes, "categories": named}))


def sardet(put):
    names = ("ship", "aircraft", "car", "tank", "bridge", "harbor")
    for number, split in enumerate(("train", "val", "test"), start=1):
        parts = f"JPEGImages/{split}/{{}}.jpg", f"Annotations/{split}.json", [f"000000{number}"]
        coco_boxes(put, *parts, names if split == "train" else names[:1])


def masks(put, image, label, names, codes, values=grey):
    """Images and their masks, which hold the first code above the second."""
    for seed, name in enumerate(names):
        put(image.format(name), values(image, seed))
        mask = halves(*codes)
        put(label.format(name), tiff(mask) if label.endswith(".tif") else encoded(mask))


def db_tiff(_, seed):
    return tiff(decibels(seed))


def palette(put, image, label, colours):
    put(image, grey(image, 1))
    table = np.array(colours, np.uint8)
    put(label, encoded(table[halves(0, 1)]))


def terramesh(put):
    names = ["1U_2R_0_0", "3D_4L_0_0"]
    masks(put, "S1RTC/{}.tif", "LULC/{}.tif", names, (1, 5), db_tiff)
    for seed, name in enumerate(names):
        put(
            f"S2RGB/{name}.tif",
            tiff(np.random.default_rng(seed).integers(0, 256, (3, SIDE, SIDE), dtype=np.uint8)),
        )


def pairs(put, names):
    """SAR and optical images."""
    for seed, (sar, optical) in enumerate(names):
        put(sar, grey(sar, seed))
        put(optical, picture(SIDE, SIDE, 50 + seed, "RGB"))


def patches(put, folder, suffix, names):
    for seed, name in enumerate(names):
        values = np.random.default_rng(seed).normal(0, 40, (SIDE, SIDE, 2)).astype(np.float32)
        content = npy(values.view(np.complex64)[..., 0]) if suffix == "npy" else grey(".png", seed)
        put(f"{folder}/{name.split('_')[0]}/{name}.{suffix}", content)


def dsn_slc(put):
    names = ["water_1A2B_HH_0_0", "water_1A2B_HH_32_0", "forest_1A2B_HH_900_0"]
    patches(put, "SLC", "npy", names)
    put("lists/slc_train_3.txt", f"name,label\nSLC/water/{names[0]}.npy,7\nSLC/forest/{names[2]}.npy,2\n")
    put("lists/slc_val_3.txt", f"name,label\nSLC/water/{names[1]}.npy,7\n")


def opensarship_scene(put):
    corners = "<UpperLeft_x>{}</UpperLeft_x><UpperLeft_y>40</UpperLeft_y><LowerRight_x>{}</LowerRight_x>"
    corners += "<LowerRight_y>-23</LowerRight_y><Center_x>{}</Center_x><Center_y>9</Center_y>"
    ships = "".join(
        f"<ship><SARShipInformation>{corners.format(x + 31, x - 32, x)}</SARShipInformation>"
        f"<AISShipInformation><Cog>1620.00</Cog></AISShipInformation></ship>"
        for x in (100, 200)
    )
    scene = "S1A_IW_GRDH_1SDV_20160606T221231"
    put(f"{scene}/Ship.xml", f"<ShipList>{ships}</ShipList>")
    for seed, name in enumerate(("Cargo_x100_y9", "Tanker_x200_y9")):
        put(f"{scene}/Patch_Cal/{name}.tif", tiff((10 ** (decibels(seed) / 10)).astype(np.float32)))


def luojiaset(put):
    for number in (1, 2):
        put(f"0%-20%/s1/ROIs_01_s1_p{number}.tif", tiff(decibels(number)))
        put(f"0%-20%/land_cover_maps/ROIs_01_s2_p{number}.tif", tiff(halves(2, 3 + number)))
    # in one folder of the real sample, what should be the SAR image is the map
    put("0%-20%/s1/ROIs_01_s1_p3.tif", tiff(halves(2, 3)))
    put("0%-20%/land_cover_maps/ROIs_01_s2_p3.tif", tiff(halves(2, 3)))


def gaofen(put):
    for number in (1, 2):
        values = np.random.default_rng(number).rayleigh(300, (SIDE, SIDE)).astype(np.uint16)
        put(f"{number}_HH.tiff", tiff(values))


def sen12ms_cr(put):
    for part, patch in (("train", 36), ("test", 55)):
        put(f"sar_{part}/ROIs1158_spring_s1_{patch}_p{patch}.tif", tiff(decibels(patch)))


def lines(put, folder, images):
    for part, name in (("train", "a"), ("test", "b")):
        put(f"{folder}/{part}_caps.txt", "".join(f"caption {number} of {name} .\n" for number in range(5)))
        put(f"{folder}/{part}_filename.txt", f"{name}.jpg\n" * (5 if part == "test" else 1))
        put(images.format(name), grey(images.format(name), ord(name)))


def karpathy(put, file, images):
    rows = []
    for name, split in (("1", "train"), ("2", "val"), ("3", "test")):
        sentences = [{"raw": f"Sentence {number} of {name} .", "tokens": []} for number in range(5)]
        rows.append({"filename": images.format(name).split("/")[-1], "split": split, "sentences": sentences})
        put(images.format(name), grey(images.format(name), int(name)))
    put(file, json.dumps({"dataset": "made", "images": rows}))


def nwpu(put):
    rows = {}
    for at, (place, split) in enumerate((("airport", "train"), ("beach", "test"))):
        texts = {
            "raw": f"A {place} .",
            **{f"raw_{number}": f"{number} of the {place} ." for number in range(1, 5)},
        }
        rows[place] = [{"filename": f"{place}_001.jpg", "imgid": at, "split": split, **texts}]
        put(f"NWPU_images/{place}/{place}_001.jpg", grey(".jpg", at))
    put("dataset_nwpu.json", json.dumps(rows))


def hqrs(put):
    put_images(put, "images/part/{}.jpg", ["a", "b"])
    text = 'filepath,caption\npart/a.jpg,A field.\npart/a.jpg,"Fields, and a road."\npart/b.jpg,Sea.\n'
    put("captions/annotations.csv", text)
