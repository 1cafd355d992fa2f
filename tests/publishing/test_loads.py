"""What a page loads: pictures in files, fetched when near, their room kept."""

import base64

from PIL import Image

from hlnb.publishing.render import loads


def png(path, size=(3, 2)):
    Image.new("L", size).save(path)
    return path


def test_equal_pictures_of_a_page_are_one_file(tmp_path):
    data = base64.b64encode(png(tmp_path / "a.png").read_bytes()).decode()
    body = f'<img src="data:image/png;base64,{data}" alt="A."> ' * 2
    folder = tmp_path / "made" / "_images"
    made = loads.as_files(body, folder, address=lambda name: f"../_images/{name}")
    (file,) = folder.iterdir()
    assert file.read_bytes() == (tmp_path / "a.png").read_bytes()
    assert made == f'<img src="../_images/{file.name}" alt="A."> ' * 2


def test_a_picture_waits_and_its_room_is_kept(tmp_path):
    place = png(tmp_path / "a.png")
    made = loads.when_near('<p><img src="a.png" alt="A."></p>', file=lambda _: place)
    tag = '<img loading="lazy" width="3" height="2" src="a.png" alt="A.">'
    assert made == f"<p>{tag}</p>"


def test_sizes_that_a_page_gives_are_kept(tmp_path):
    place = png(tmp_path / "a.png")
    for size in ('width="50%"', 'style="height: 3em"'):
        made = loads.when_near(f'<img src="a.png" {size}>', file=lambda _: place)
        assert made == f'<img loading="lazy" src="a.png" {size}>'


def test_pictures_that_are_not_the_books_own_stay_as_they_are():
    body = '<img src="https://example.org/a.png"><img alt="none">'
    assert loads.when_near(body, file=lambda _: None) == body
